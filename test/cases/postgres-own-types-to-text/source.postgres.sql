CREATE TYPE mood AS ENUM ('sad', 'it''s \ fine');
CREATE TABLE t (id int PRIMARY KEY, i interval, n inet, a int[], r int4range, e mood, u uuid, b bit(5));
-- rows
INSERT INTO t VALUES (1, '1 year 2 mons -3 days 04:05:06.789', '10.0.0.1/8', '{{1,2},{3,NULL}}', '[1,5)', 'it''s \ fine', '00000000-0000-0000-0000-0000000000ff', B'10101'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
