CREATE TABLE t (id INT PRIMARY KEY, c CHAR(2) CHARACTER SET euckr, v VARCHAR(300) CHARACTER SET euckr, x TEXT CHARACTER SET euckr);
-- rows
INSERT INTO t VALUES (1, '한국', '한국어', '한국어'), (2, '', _euckr 0xB0A1, CONCAT(_euckr 0xB0A1, '\\', _euckr 0xB0A1, '\n')),
 (3, 'a', CONCAT(REPEAT(_euckr 0xB0A1, 30), '\t'), NULL);
