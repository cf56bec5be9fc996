CREATE TABLE t (id INT PRIMARY KEY, v ENUM('a','2','1'));
-- rows
INSERT INTO t VALUES (1, 'a'), (2, '2'), (3, '1'), (4, NULL);
