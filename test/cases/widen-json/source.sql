CREATE TABLE t (id INT PRIMARY KEY, v JSON);
-- rows
INSERT INTO t VALUES (1, '{"a": 1}'), (2, '[]'), (3, NULL);
