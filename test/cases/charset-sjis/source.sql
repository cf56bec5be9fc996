CREATE TABLE t (id INT PRIMARY KEY, c CHAR(2) CHARACTER SET sjis, v VARCHAR(300) CHARACTER SET sjis, x TEXT CHARACTER SET sjis);
-- rows
INSERT INTO t VALUES (1, '表能', '表能ソ', '表能ソ'), (2, '', _sjis 0x955C, CONCAT(_sjis 0x955C, '\\', _sjis 0x955C, '\n')),
 (3, 'a', CONCAT(REPEAT(_sjis 0x955C, 30), '\t'), NULL);
