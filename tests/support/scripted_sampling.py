"""A plugin for vLLM that makes a model with random weights say what a script says; runs inside the server.

The script is found from the request itself, so that a client under test need not know of it: the ids of the
user message, whether the system message offers Python, the seed, and the number of tool results so far. The
file named by MATHFORGE_SCRIPT holds {"tool_mark": [ids], "samples": [...]}, a sample being
{"user": [ids], "tool": bool, "seed": int, "rounds": [[ids]]}.
A request without a script gets an immediate end.
"""

import json
import os
from pathlib import Path

from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

START, END, MESSAGE, RETURN = 200_006, 200_007, 200_008, 200_002
ASSISTANT = 173_781


class Script(AdapterLogitsProcessor):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        content = json.loads(Path(os.environ["MATHFORGE_SCRIPT"]).read_text())
        self.mark = content["tool_mark"]
        self.samples = {(tuple(s["user"]), s["tool"], s["seed"]): s["rounds"] for s in content["samples"]}

    def is_argmax_invariant(self):
        return False

    def new_req_logits_processor(self, params):
        script = None

        def leave_one(prompt_ids, output_ids, logits):
            nonlocal script
            if script is None:
                script = self.find(list(prompt_ids), params.seed) or [RETURN]
            wanted = script[min(len(output_ids), len(script) - 1)]
            kept = logits[wanted].item()
            logits.fill_(float("-inf"))
            logits[wanted] = kept
            return logits

        return leave_one

    def find(self, prompt, seed):
        turns = []
        for id_ in prompt:
            if id_ == START:
                turns.append([])
            elif turns:
                turns[-1].append(id_)
        contents = [turn[turn.index(MESSAGE) + 1 :] for turn in turns if MESSAGE in turn]
        contents = [content[:-1] if content[-1:] == [END] else content for content in contents]
        for at, content in enumerate(contents):
            for tool in (False, True):
                rounds = self.samples.get((tuple(content), tool, seed))
                if rounds is not None and tool == self.offers_python(contents[:at]):
                    results = sum(turn[:1] != [ASSISTANT] for turn in turns[at + 1 :])
                    return rounds[results] if results < len(rounds) else None
        return None

    def offers_python(self, before):
        mark = self.mark
        return any(
            content[at : at + len(mark)] == mark
            for content in before
            for at in range(len(content) - len(mark) + 1)
        )
