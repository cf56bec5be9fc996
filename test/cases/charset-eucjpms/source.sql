CREATE TABLE t (id INT PRIMARY KEY, c CHAR(2) CHARACTER SET eucjpms, v VARCHAR(300) CHARACTER SET eucjpms, x TEXT CHARACTER SET eucjpms);
-- rows
INSERT INTO t VALUES (1, '表能', '表能ソ', '表能ソ'), (2, '', _eucjpms 0xC9BD, CONCAT(_eucjpms 0xC9BD, '\\', _eucjpms 0xC9BD, '\n')),
 (3, 'a', CONCAT(REPEAT(_eucjpms 0xC9BD, 30), '\t'), NULL);
