CREATE TABLE t (id INT, v INT);
-- rows
INSERT INTO t VALUES (1, 1), (1, 1);
