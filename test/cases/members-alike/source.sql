CREATE TABLE t (id INT PRIMARY KEY, e ENUM('a','A','ß','ss','1','0','') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, s SET('a','A','1','x y') COLLATE utf8mb4_bin) DEFAULT CHARSET utf8mb4;
ALTER TABLE t MODIFY e ENUM('a','A','ß','ss','1','0','') CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, MODIFY s SET('a','A','1','x y') CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
-- rows
INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4), (5, 5, 8), (6, 6, 15), (7, 7, 0), (8, NULL, NULL);
