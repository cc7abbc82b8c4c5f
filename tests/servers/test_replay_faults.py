"""Rehearsed failures: each shows the client what the real one would."""

import http.client
import json
import subprocess
import sys
import urllib.request
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from support.replaying import post, prompt_text, replaying, stream
from support.sums import PROBLEM

from mathforge.replay.faults import Faults, parse_fault


class TestFaults:
    BODY: ClassVar = {"prompt": prompt_text(PROBLEM), "max_tokens": 1000}

    def serving(self, recording, *specs):
        return replaying(recording, faults=Faults([parse_fault(spec) for spec in specs]))

    def test_500_after_so_many_requests_then_recovery(self, recording):
        with self.serving(recording, "after=2,how=500,times=2") as url:
            assert [post(url, self.BODY)[0] for _ in range(5)] == [200, 200, 500, 500, 200]

    def test_500_then_reset(self, recording):
        with self.serving(recording, "after=0,how=500", "after=1,how=reset") as url:
            assert post(url, self.BODY)[1]["error"]["type"] == "InternalServerError"
            with pytest.raises(ConnectionResetError):
                post(url, self.BODY)

    def test_reset_cuts_a_stream_half_way(self, recording):
        with self.serving(recording, "after=0,how=reset") as url:
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
            connection.request(
                "POST", "/v1/completions", json.dumps(self.BODY | {"model": "m", "stream": True})
            )
            response = connection.getresponse()
            assert response.status == 200
            with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
                response.read()

    def test_error_inside_a_stream(self, recording):
        with self.serving(recording, "after=0,how=error") as url:
            events = stream(url, self.BODY)
        assert events[-1]["error"]["code"] == 500
        assert all("choices" in event for event in events[:-1])

    def test_hang(self, recording):
        with self.serving(recording, "after=0,how=hang") as url, pytest.raises(TimeoutError):
            urllib.request.urlopen(url + "/v1/completions", json.dumps(self.BODY).encode(), timeout=0.5)

    def test_exit(self, recording):
        command = [sys.executable, "-m", "mathforge", "serve", "--replay", str(recording), "--port", "0"]
        process = subprocess.Popen(
            [*command, "--fail", "after=1,how=exit"], stdout=subprocess.PIPE, text=True
        )
        address = process.stdout.readline().strip()
        assert post(address, self.BODY)[0] == 200
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            post(address, self.BODY)
        assert process.wait(10) == 1
