CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s \ "fine"'); CREATE TYPE pair AS (a int, b text); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE t (id int PRIMARY KEY, i interval, n inet, c cidr, m macaddr, a int[], x text[], r int4range, mr nummultirange, p point, g polygon, b bit(5), v varbit, e mood, k pair, d positive,
  q money, w xml, s tsvector, y jsonpath, z timetz, u uuid, l pg_lsn, o oid, f "char", na name);
-- rows
INSERT INTO t VALUES (1, '1 year 2 mons -3 days 04:05:06.789', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '{{1,2},{3,NULL}}', E'{"a,b","\\\\","\\"",NULL,"NULL",""}', '[1,5)', '{[1,2),[3,)}', '(0.1,-1e300)', '((0,0),(1,1),(1,0))', B'10101', B'1',
  'it''s \ "fine"', ROW(1, E'a"b\\c,(d)'), 5, '-92233720368547758.08', '<a b="1">&lt;</a>', 'a:1A cat:2', '$.a[*] ? (@ > 1)', '12:00:00.5+05:30', '00000000-0000-0000-0000-0000000000ff', '16/B374D848', 4294967295, 'x', 'a name'),
  (2, '-178000000 years', '::1', '::/0', 'ff:ff:ff:ff:ff:ff', '{}', '{}', 'empty', '{}', '(NaN,Infinity)', '((0,0))', B'00000', B'', 'sad', ROW(NULL, ''), 1, '0.01', 'a', '', '$', '24:00:00-15:59', '00000000-0000-0000-0000-000000000000', '0/0', 0, '', ''),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
