CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20) COLLATE utf8mb4_unicode_ci, b VARCHAR(20) COLLATE utf8mb4_swedish_ci, c VARCHAR(20) COLLATE utf8mb4_turkish_ci,
  d VARCHAR(20) COLLATE utf8mb4_unicode_520_ci, e VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci, f VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin, g VARCHAR(20) CHARACTER SET cp1251 COLLATE cp1251_general_cs) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES (1, 'aA', 'åÅ', 'ıİ', 'ß', 'äÄ', 'aA ', 'яЯ'), (2, ' ', 'a ', '', 'SS', 'ß', '', 'я ');
