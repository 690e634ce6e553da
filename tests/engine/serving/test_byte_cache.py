"""The cache keeps what was used last and never more bytes than it may."""

from hypothesis import given
from hypothesis import strategies as st

from ridgeline.engine.serving.byte_cache import ByteCache, CachePart

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


def test_users_share_the_bound_and_not_the_keys():
    cache = ByteCache(10)
    one, two = CachePart(cache), CachePart(cache)
    one.put("a", 1, 5)
    two.put("a", 2, 5)
    assert (one.get("a"), two.get("a"), cache.used) == (1, 2, 10)
    two.put("b", 3, 5)  # what was not used for longest goes, whoever it belongs to
    assert "a" not in one and "a" in two and cache.used == 10


def test_a_user_forgets_its_own_values_only():
    cache = ByteCache(20)
    one, two = CachePart(cache), CachePart(cache)
    one.put("a", 1, 5)
    one.put("b", 1, 5)
    two.put("a", 2, 5)
    one.clear()
    assert cache.used == 5 and one.get("a") is None and one.get("b") is None and two.get("a") == 2
