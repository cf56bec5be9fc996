CREATE TABLE t (id INT PRIMARY KEY, s SET('a','b'));
-- rows
INSERT INTO t VALUES (1, ''), (2, 'a'), (3, 'a,b'), (4, NULL);
