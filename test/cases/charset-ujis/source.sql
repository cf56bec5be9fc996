CREATE TABLE t (id INT PRIMARY KEY, c CHAR(2) CHARACTER SET ujis, v VARCHAR(300) CHARACTER SET ujis, x TEXT CHARACTER SET ujis);
-- rows
INSERT INTO t VALUES (1, '表能', '表能ソ', '表能ソ'), (2, '', _ujis 0xC9BD, CONCAT(_ujis 0xC9BD, '\\', _ujis 0xC9BD, '\n')),
 (3, 'a', CONCAT(REPEAT(_ujis 0xC9BD, 30), '\t'), NULL);
