CREATE TABLE t (a INT, b VARCHAR(10) COLLATE utf8mb4_general_ci, c DATE, d BINARY(2), v TEXT, PRIMARY KEY (a, b, c, d));
-- rows
INSERT INTO t VALUES (1, 'a', '2024-01-01', 'x', '1'), (1, 'a', '2024-01-01', 'y', '2'), (1, 'a', '2024-01-02', 'x', '3'), (1, 'B', '0000-00-00', 'x', '4'), (2, '', '2024-01-01', 0x5C0A, '5'), (-1, 'é', '2024-01-01', 0x0000, '6');
