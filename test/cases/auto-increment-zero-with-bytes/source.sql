CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, b VARBINARY(10), v VARCHAR(10), x TEXT);
-- rows
INSERT INTO t VALUES (-5, 0x00, 'minus', '1'), (0, 0xFF, 'zero', '[]'), (5, 0x5C0A, '五', '{}');
