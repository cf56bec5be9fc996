CREATE TABLE t (id INT PRIMARY KEY, s SET('a','','b'));
-- rows
INSERT INTO t (id, s) VALUES (1, 1), (6, 6);
