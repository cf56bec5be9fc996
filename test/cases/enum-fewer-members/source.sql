CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','b','c'));
-- rows
INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');
