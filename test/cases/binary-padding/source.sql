CREATE TABLE t (id INT PRIMARY KEY, b BINARY(5), v VARBINARY(5));
-- rows
INSERT INTO t VALUES (1, 'ab', 'ab'), (2, 'ab   ', 'ab   '), (3, '', ''), (4, 0x6100000000, 0x6100000000), (5, 0x0000000000, 0x00), (6, '     ', ' ');
