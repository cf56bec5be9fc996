SET sql_generate_invisible_primary_key = ON;
CREATE TABLE t (a INT, v VARCHAR(10));
-- rows
INSERT INTO t (my_row_id, a, v) VALUES (10, 1, 'a'), (20, 1, 'a'), (30, NULL, NULL);
