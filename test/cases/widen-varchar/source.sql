CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20));
-- rows
INSERT INTO t VALUES (1, 'a '), (2, ''), (3, '数据');
