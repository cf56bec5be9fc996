CREATE TABLE t (id INT PRIMARY KEY,
  from_int BIGINT,
  from_unsigned BIGINT,
  from_int_to_decimal DECIMAL(20,0),
  from_int_to_double DOUBLE,
  from_int_to_text VARCHAR(20),
  from_float DOUBLE,
  from_decimal DECIMAL(20,6),
  from_year SMALLINT);
