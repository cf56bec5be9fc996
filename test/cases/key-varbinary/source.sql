CREATE TABLE t (k VARBINARY(8) PRIMARY KEY, v INT);
-- rows
INSERT INTO t VALUES ('', 0), (0x00, 1), (0x09, 2), (0x0A5C, 3), (0x27, 4), (0x5C, 5), (0x80, 6), (0xFF, 7), (0xFFFF, 8);
