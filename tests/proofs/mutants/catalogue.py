"""The ways to break the design, each a few words that become others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One way to break the design: in the file, `old` (once there) becomes `new`."""

    name: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "add without asking for the receipts",
        "chalicelib/totals.py",
        '*(f"NOT contains(Receipts, :r{index})" for index in range(receipts)),',
        '*(f"NOT contains(Username, :r{index})" for index in range(receipts)),',
    ),
    Mutant(
        "add without asking how old the archive is",
        "chalicelib/totals.py",
        'else "(attribute_not_exists(LastPage) OR LastPage < :page)",',
        'else "(attribute_not_exists(LastPage) OR LastPage <> :page)",',
    ),
    Mutant(
        "trust the pages although others may have been made since",
        "chalicelib/totals.py",
        '"LastPage = :page" if checked',
        '"LastPage <> :page" if checked',
    ),
    Mutant(
        "move receipts without the condition that they are those found",
        "chalicelib/totals.py",
        'f"{name} = :found_{name}" if value',
        'f"({name} = :found_{name} OR attribute_exists({name}))" if value',
    ),
    Mutant(
        "never look receipts up in the archive",
        "chalicelib/totals.py",
        "self._drop_counted(pending, self._archive.look_up(found.last_page))",
        "self._archive.look_up(found.last_page)",
    ),
    Mutant(
        "look in the archive only for the first piece",
        "chalicelib/totals.py",
        "wanted = {change.receipt for change in changes}",
        "wanted = {change.receipt for change in changes[:MOST_AT_ONCE]}",
    ),
    Mutant(
        "take all earlier pages for known after an own move",
        "chalicelib/totals.py",
        "            self._archive_moves += 1\n",
        "            self._archive_moves += 1\n"
        "            self._archive._found |= move.moved\n"
        "            self._archive._known_to = move.page\n",
    ),
    Mutant(
        "take the own page for known without its receipts",
        "chalicelib/totals.py",
        "            self._archive_moves += 1\n",
        "            self._archive_moves += 1\n"
        "            if found.last_page in (None, self._archive._known_to):\n"
        "                self._archive._known_to = move.page\n",
    ),
    Mutant(
        "take everything for known after a move",
        "chalicelib/totals.py",
        "            self._archive_moves += 1\n",
        "            self._archive_moves += 1\n"
        "            self._archive.look_up = lambda _: frozenset()\n",
    ),
    Mutant(
        "read the archive without consistency",
        "chalicelib/archive.py",
        "ConsistentRead=True",
        "ConsistentRead=False",
    ),
    Mutant(
        "read the item without consistency",
        "chalicelib/totals.py",
        "ConsistentRead=True",
        "ConsistentRead=False",
    ),
    Mutant(
        "use only the first response of the archive",
        "chalicelib/archive.py",
        "for response in responses:",
        "for response in [next(iter(responses))]:",
    ),
    Mutant(
        "let a refusal for good of the update that moves rise for ever",
        "chalicelib/totals.py",
        'if code == "ValidationException":',
        'if code == "ValidationException" and "contains" in parameters["ConditionExpression"]:',
    ),
    Mutant(
        "skip the archive where the item has no receipts",
        "chalicelib/totals.py",
        "            self._drop_counted(pending, self._archive.look_up(found.last_page))\n",
        "            if found.receipts:\n"
        "                self._drop_counted(pending, self._archive.look_up(found.last_page))\n",
    ),
    Mutant(
        "ask for room without the new receipts",
        "chalicelib/totals.py",
        '":room": {"N": str(self._room - len(pending))},',
        '":room": {"N": str(self._room)},',
    ),
    Mutant(
        "keep pages for an hour",
        "chalicelib/receipts.py",
        "KEPT_SECONDS = 30 * 24 * 3600",
        "KEPT_SECONDS = 3600",
    ),
    Mutant(
        "lose what is left after the third refusal",
        "chalicelib/totals.py",
        "        try:\n            self._add_once(pending)\n",
        "        if len(self._reasons) == 3:\n            return\n"
        "        try:\n            self._add_once(pending)\n",
    ),
    Mutant(
        "move on condition of size and newest receipt instead of the receipts found",
        "chalicelib/totals.py",
        "            ConditionExpression=condition,\n"
        "            ExpressionAttributeValues={\n"
        "                **values,\n",
        '            ConditionExpression="size(Receipts) = :size AND contains(Receipts, :newest)"\n'
        "            if found.receipts\n"
        "            else condition,\n"
        "            ExpressionAttributeValues={\n"
        "                **(\n"
        '                    {":size": {"N": str(len(found.receipts))}, '
        '":newest": {"B": max(found.receipts)}}\n'
        "                    if found.receipts\n"
        "                    else values\n"
        "                ),\n",
    ),
    Mutant(
        "put new receipts into the page before they are counted",
        "chalicelib/totals.py",
        "self._archive.put_page(move)",
        "self._archive.put_page(move._replace(moved=move.moved | pending.keys()))",
    ),
    Mutant(
        "name a page that is not there",
        "chalicelib/totals.py",
        "            self._archive.put_page(move)\n",
        "",
    ),
    Mutant(
        "count what was dropped before a refusal twice",
        "chalicelib/totals.py",
        "            if len(pending) == 1:\n",
        "            self._already_counted *= 2\n            if len(pending) == 1:\n",
    ),
    Mutant(
        "key receipts by the RecordID instead of the stream record",
        "chalicelib/stream_records.py",
        "return make_receipt(str(event_id), str(sequence_number), created_seconds(record))",
        'return make_receipt(str(change.get("Keys")), "", 0)',
    ),
    Mutant(
        "give a page the time of its oldest receipt",
        "chalicelib/receipts.py",
        "archived = max(map(seconds_of, moved))",
        "archived = min(map(seconds_of, moved))",
    ),
    Mutant(
        "let the page replace one that others made in the same second",
        "chalicelib/receipts.py",
        "archived, counter = last_archived, last_counter + 1",
        "archived, counter = last_archived, 0",
    ),
    Mutant(
        "forget the page's rows: move receipts nowhere",
        "chalicelib/archive.py",
        '"Receipts": {"BS": sorted(move.moved)},',
        '"Receipts": {"BS": sorted(move.moved)[:1]},',
    ),
    Mutant(
        "swallow a throttle of the aggregator",
        "chalicelib/totals.py",
        "                raise AdditionRefused(str(error)) from error\n"
        "            raise\n"
        "        return None\n",
        "                raise AdditionRefused(str(error)) from error\n        return None\n",
    ),
    Mutant(
        "swallow a throttle of the ingestion",
        "chalicelib/records.py",
        '                return record.place.reject(f"DynamoDB refuses the item: {error}")\n'
        "            raise\n",
        '                return record.place.reject(f"DynamoDB refuses the item: {error}")\n',
    ),
    Mutant(
        "count rejects as success without writing them",
        "app.py",
        "        connections.rejects.save(function, rejects, event_records)\n",
        "        _ = connections.rejects\n",
    ),
    Mutant(
        "insert without the condition",
        "chalicelib/records.py",
        'f"attribute_not_exists({words.RECORD_ID})"',
        'f"attribute_not_exists({words.RECORD_ID}) OR attribute_exists({words.RECORD_ID})"',
    ),
    Mutant(
        "take a record for stored because its id is",
        "chalicelib/records.py",
        "is_the_same = stored.get(DIGEST_ATTRIBUTE) == record.item[DIGEST_ATTRIBUTE]",
        "is_the_same = bool(stored)",
    ),
    Mutant(
        "forget the old image",
        "chalicelib/stream_records.py",
        'taken = _decode_score(old_image, "OldImage")',
        "taken = None",
    ),
    Mutant(
        "take expired scores away",
        "chalicelib/stream_records.py",
        "    if is_expiry(record):\n        return StreamRecord(())\n",
        "",
    ),
    Mutant(
        "let the first broken record stop the batch",
        "chalicelib/stream_records.py",
        "        except Exception as error:",
        "        except ZeroDivisionError as error:",
    ),
    Mutant(
        "group ids by their text, so that 1 and 1.0 are two",
        "chalicelib/records.py",
        "groups: dict[Decimal, list[ScoreRecord]] = {}\n"
        "    for record in records:\n"
        "        groups.setdefault(record.record_id, []).append(record)",
        "groups: dict[str, list[ScoreRecord]] = {}\n"
        "    for record in records:\n"
        "        groups.setdefault(str(record.record_id), []).append(record)",
    ),
    Mutant(
        "make a reject's key of its first record only",
        "chalicelib/rejects.py",
        "content = json.dumps(records, sort_keys=True).encode()",
        "content = json.dumps(records[:1], sort_keys=True).encode()",
    ),
)
