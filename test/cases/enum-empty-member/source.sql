CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a',''));
-- rows
INSERT INTO t VALUES (1, 'a'), (2, ''), (3, 'not a member');
