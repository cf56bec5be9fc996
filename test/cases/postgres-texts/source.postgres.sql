CREATE TABLE t (id int PRIMARY KEY, v varchar(40), x text, c char(6), b bytea);
-- rows
INSERT INTO t SELECT n, chr(n), repeat(chr(n), 3) || 'a', 'c' || chr(n), decode(lpad(to_hex(n), 2, '0') || '005c2e', 'hex') FROM generate_series(1, 255) n WHERE n <> 160;
INSERT INTO t VALUES (1000, '\.', '\N', '  ab', ''), (1001, '', '', '', '\x00'), (1002, NULL, NULL, NULL, NULL), (1003, E'\\.\n\\.\r\n', E'\t\\t', 'a b', '\x5c2e0a'),
  (1004, '𝄞数', repeat('𝄞\', 3000), 'é', '\xff'), (1005, 'NULL', '$$;--', '''', '\x4e');
