CREATE TABLE t (id INT PRIMARY KEY, c CHAR(20), v VARCHAR(200), x TEXT) DEFAULT CHARSET=utf8mb4;
-- rows
INSERT INTO t VALUES (1, 'é', 'é', 'é'), (2, _utf8mb4 0x65CC81, _utf8mb4 0x65CC81, _utf8mb4 0x65CC81),
 (3, '📦', '👩‍👩‍👧‍👦🏳️‍🌈', '𝒳𠜎𪚥'), (4, '数据', 'עברית العربية', 'ไทย हिन्दी'), (5, _utf8mb4 0xEFBBBF41, _utf8mb4 0xEFBFBD, _utf8mb4 0xEFBFBF),
 (6, _utf8mb4 0xF48FBFBF, _utf8mb4 0xF0908080, _utf8mb4 0xEFBFBE), (7, _utf8mb4 0xC280, _utf8mb4 0xE2808B, _utf8mb4 0xE280A8), (8, 'ǅ', 'ﬀ', 'ẞßſ');
