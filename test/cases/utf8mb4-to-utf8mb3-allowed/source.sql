CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50) CHARACTER SET utf8mb4, w VARCHAR(9));
-- rows
INSERT INTO t VALUES (1, '数据', '数'), (2, '📦', '据');
