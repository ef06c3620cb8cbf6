from fabyield.stdf.compiled.cache import FilePerSignature


def test_code_of_two_processes_that_save_at_once_is_never_mixed_up(tmp_path, monkeypatch):
    first = FilePerSignature(str(tmp_path), "loops.take-36", "stamp")
    second = FilePerSignature(str(tmp_path), "loops.take-36", "stamp")
    # Neither sees the entry of the other.
    for process in (first, second):
        monkeypatch.setattr(process, "_load_index", dict)

    first.save("int32", "code for int32")
    second.save("int64", "code for int64")

    later = FilePerSignature(str(tmp_path), "loops.take-36", "stamp")
    found = {key: later.load(key) for key in ("int32", "int64")}
    assert found == {"int32": None, "int64": "code for int64"}
    first.save("int32", "code for int32")
    assert later.load("int32") == "code for int32"
