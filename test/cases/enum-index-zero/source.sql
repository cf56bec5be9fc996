CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','b'));
-- rows
INSERT INTO t VALUES (1, 'a'), (2, 'not a member');
