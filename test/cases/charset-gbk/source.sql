CREATE TABLE t (id INT PRIMARY KEY, c CHAR(2) CHARACTER SET gbk, v VARCHAR(300) CHARACTER SET gbk, x TEXT CHARACTER SET gbk);
-- rows
INSERT INTO t VALUES (1, '数据', '数据運表', '数据運表'), (2, '', _gbk 0xDF5C, CONCAT(_gbk 0xDF5C, '\\', _gbk 0xDF5C, '\n')),
 (3, 'a', CONCAT(REPEAT(_gbk 0xDF5C, 30), '\t'), NULL);
