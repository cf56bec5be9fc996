CREATE TABLE t (id INT PRIMARY KEY, v TINYTEXT);
-- rows
INSERT INTO t VALUES (1, 'a '), (2, ''), (3, REPEAT('x', 255));
