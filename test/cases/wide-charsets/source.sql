CREATE TABLE t (id INT PRIMARY KEY, v_ucs2 VARCHAR(50) CHARACTER SET ucs2, x_ucs2 TEXT CHARACTER SET ucs2, v_utf16 VARCHAR(50) CHARACTER SET utf16, x_utf16 TEXT CHARACTER SET utf16, v_utf16le VARCHAR(50) CHARACTER SET utf16le, x_utf16le TEXT CHARACTER SET utf16le, v_utf32 VARCHAR(50) CHARACTER SET utf32, x_utf32 TEXT CHARACTER SET utf32);
-- rows
INSERT INTO t VALUES (1, 'a数据\\\t\n', 'a数据\\\t\n', 'a数据\\\t\n', 'a数据\\\t\n', 'a数据\\\t\n', 'a数据\\\t\n', 'a数据\\\t\n', 'a数据\\\t\n'), (2, 'é€', '', '📦a', '📦a', '📦a', '📦a', '📦a', '📦a');
