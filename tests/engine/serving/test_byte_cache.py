"""The cache keeps what was used last and never more bytes than it may."""

from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.serving.byte_cache import ByteCache

STEPS = st.lists(st.tuples(st.sampled_from(["put", "get"]), st.integers(0, 9), st.integers(0, 60)), max_size=60)


@given(limit=st.integers(0, 100), steps=STEPS)
def test_behaves_like_a_list_of_what_was_used_last(limit, steps):
    cache, model = ByteCache(limit), []  # model: (key, size), what was used last at the end
    for what, key, size in steps:
        if what == "get":
            known = [item for item in model if item[0] == key]
            assert cache.get(key) == (known[0][1] if known else None)
            model = [item for item in model if item[0] != key] + known
            continue
        cache.put(key, size, size)
        model = [item for item in model if item[0] != key]
        if size <= limit:
            model.append((key, size))
        while sum(item[1] for item in model) > limit:
            model.pop(0)
        assert cache.used == sum(item[1] for item in model) <= limit
        assert len(cache) == len(model) and all(item[0] in cache for item in model)


def test_forgets_everything_when_asked():
    cache = ByteCache(10)
    cache.put("a", 1, 5)
    cache.clear()
    assert cache.used == 0 and cache.get("a") is None
