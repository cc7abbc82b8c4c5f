"""Laws of playing: streaming shows what the whole text shows, however it is cut."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from mathforge import harmony
from mathforge.replay.matching import Match
from mathforge.replay.playing import END_IDS, Detokenizer, Sampling, StopStrings, play

TEXT = st.text("abé🧮<|", max_size=30)
IDS = st.lists(
    st.one_of(st.integers(0, 255), st.sampled_from([200002, 200005, 200007, 200012, 199999])), max_size=20
)


@given(
    st.lists(TEXT), st.lists(st.text("ab<é", min_size=1, max_size=4), min_size=1, max_size=3), st.booleans()
)
def test_stop_strings_cut_where_a_search_of_the_grown_text_would(chunks, stops, include):
    search = StopStrings(tuple(stops), include)
    shown, grown = "", ""
    for chunk in chunks:
        grown += chunk
        text, stopped = search.push(chunk)
        shown += text
        hits = [(grown.find(s), s) for s in stops if s in grown]
        if hits:
            at, first = min(hits)
            assert stopped == first
            assert shown == (grown[: at + len(first)] if include else grown[:at])
            return
        assert stopped is None
    assert shown + search.flush() == grown


@given(TEXT)
def test_detokenizer_gives_the_text_of_whole_characters(text):
    words = Detokenizer(skip_special=False)
    assert "".join(words.push(i) for i in harmony.encode(text, escape=True)) == text


@given(IDS, st.integers(1, 25))
def test_one_finish_at_the_end_and_never_more_than_max_tokens(ids, limit):
    match = Match(array("I", [*ids, harmony.RETURN]), "stop", None)
    steps = list(play(match, Sampling(limit)))
    assert 1 <= len(steps) <= limit
    assert [s.finish_reason for s in steps[:-1]] == [None] * (len(steps) - 1)
    assert [s.id for s in steps] == match.ids[: len(steps)].tolist()
    last = steps[-1]
    assert last.finish_reason == ("stop" if last.id in END_IDS else "length")
    assert last.stop_reason == (last.id if last.id in END_IDS - {harmony.RETURN} else None)
