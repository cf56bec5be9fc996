CREATE TABLE t (id INT PRIMARY KEY, v VARBINARY(10), x VARCHAR(10));
-- rows
INSERT INTO t VALUES (1, 0x5C, '\\'), (2, '', ''), (3, NULL, NULL), (4, 0x0A, '\n'), (5, 0x09, '\t');
