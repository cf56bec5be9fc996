CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','') NULL);
-- rows
INSERT INTO t VALUES (1, 'a'), (2, ''), (3, NULL);
