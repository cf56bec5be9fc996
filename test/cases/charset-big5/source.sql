CREATE TABLE t (id INT PRIMARY KEY, c CHAR(2) CHARACTER SET big5, v VARCHAR(300) CHARACTER SET big5, x TEXT CHARACTER SET big5);
-- rows
INSERT INTO t VALUES (1, '功許', '功許蓋', '功許蓋'), (2, '', _big5 0xA55C, CONCAT(_big5 0xA55C, '\\', _big5 0xA55C, '\n')),
 (3, 'a', CONCAT(REPEAT(_big5 0xA55C, 30), '\t'), NULL);
