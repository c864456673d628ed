"""Packing by the rules' own words, a character at a time."""

ENDS = "。！？；…!?"
CLOSING = "”’」』）》】\"')]"


def sentences(text):
    """A text cut behind its sentences."""
    parts, part, state = [], "", "in"
    for character in text:
        if state == "end" and character in ENDS:
            pass
        elif state in ("end", "closing") and character in CLOSING:
            state = "closing"
        elif state != "in":
            parts.append(part)
            part, state = "", "in"
        if state == "in" and character in ENDS:
            state = "end"
        part += character
    return [*parts, part]


def pack(lines, most):
    """The sequences of a document, as texts of one character a token."""
    packed = [""]
    for line in lines:
        units = [line]
        if len(line) > most:
            units = [
                sentence[begin : begin + most]
                for sentence in sentences(line)
                for begin in range(0, len(sentence), most)
            ]
        for unit in units:
            if len(packed[-1]) + len(unit) > most:
                packed.append("")
            packed[-1] += unit
    return [text for text in packed if text]
