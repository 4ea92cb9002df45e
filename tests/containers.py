"""Records as the bytes of files, for the tests of what reads them."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet(rows):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()
