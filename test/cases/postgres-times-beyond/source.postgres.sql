CREATE TABLE t (id int PRIMARY KEY, d date, m timestamp, z timestamptz);
-- rows
INSERT INTO t VALUES (1, '4713-01-01 BC', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC'), (2, '5874897-12-31', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00'),
  (3, 'infinity', 'infinity', 'infinity'), (4, '-infinity', '-infinity', '-infinity'), (5, '0001-12-31 BC', '0001-12-31 23:59:59.999999 BC', NULL);
