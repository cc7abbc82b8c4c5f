"""A plugin for vLLM that makes a model with random weights say what a script says; runs inside the server.

The script is found from the request itself, so that a client under test need not know of it: ids that the
prompt holds, whether its system message offers Python, the seed, and the number of tool results so far. The
file named by MATHFORGE_SCRIPT holds {"tool_mark": [ids], "samples": [...]}, a sample being
{"mark": [ids], "tool": bool, "seed": int, "rounds": [[ids]]}. A request without a script ends at once.
"""

import json
import os
from itertools import pairwise
from pathlib import Path

from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

START, RETURN = 200_006, 200_002
AUTHORS = {173_781, 1_428, 17_360, 77_944}  # assistant, user, system, developer; others are tools


class Script(AdapterLogitsProcessor):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        content = json.loads(Path(os.environ["MATHFORGE_SCRIPT"]).read_text())
        self.tool_mark = content["tool_mark"]
        self.samples = content["samples"]

    def is_argmax_invariant(self):
        return False

    def new_req_logits_processor(self, params):
        script = None

        def leave_one(prompt_ids, output_ids, logits):
            nonlocal script
            if script is None:
                script = self.find(list(prompt_ids), params.seed)
            wanted = script[min(len(output_ids), len(script) - 1)]
            kept = logits[wanted].item()
            logits.fill_(float("-inf"))
            logits[wanted] = kept
            return logits

        return leave_one

    def find(self, prompt, seed):
        tool = holds(prompt, self.tool_mark)
        authors = [after for id_, after in pairwise(prompt) if id_ == START]
        results = sum(author not in AUTHORS for author in authors)
        for sample in self.samples:
            if (sample["tool"], sample["seed"]) == (tool, seed or 0) and holds(prompt, sample["mark"]):
                return sample["rounds"][results] if results < len(sample["rounds"]) else [RETURN]
        return [RETURN]


def holds(ids, part):
    """Whether `part` stands in `ids` as it is."""
    return any(ids[at : at + len(part)] == part for at in range(len(ids) - len(part) + 1))
