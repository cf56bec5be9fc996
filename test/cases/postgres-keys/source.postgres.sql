CREATE TABLE t (a text, b timestamptz, c bytea, v int, PRIMARY KEY (a, b, c));
-- rows
INSERT INTO t SELECT x, y, decode(z, 'hex'), n FROM unnest(ARRAY['a', 'A', 'b', 'ä', 'a ', '']) x, unnest(ARRAY['infinity', '2024-01-01 00:00:00.000001+00', '0044-03-15 BC']::timestamptz[]) y,
  unnest(ARRAY['', '00', 'ff']) z, generate_series(1, 1) n;
