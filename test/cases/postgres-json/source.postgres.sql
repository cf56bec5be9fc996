CREATE TABLE t (id int PRIMARY KEY, j json, b jsonb);
-- rows
INSERT INTO t VALUES (1, '{"b": 1,  "a": 2, "a": 1e400}', '{"b": 1, "a": 2.50}'), (2, '"\u0000\ud834\udd1e"', '"𝄞\\"'), (3, 'null', 'null'), (4, NULL, NULL), (5, '[1.0, -0]', '[1.0, -0]');
