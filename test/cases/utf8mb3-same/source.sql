CREATE TABLE t (id INT PRIMARY KEY, c CHAR(20) CHARACTER SET utf8mb3, v VARCHAR(50) CHARACTER SET utf8mb3, x TEXT CHARACTER SET utf8mb3);
-- rows
INSERT INTO t VALUES (1, '数据', 'é€ÿ', '한국어'), (2, '', ' ', _utf8mb3 0xEFBFBF);
