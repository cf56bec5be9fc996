CREATE TABLE t (id INT PRIMARY KEY,
  int BIGINT,
  unsigned BIGINT,
  int_to_decimal DECIMAL(20,0),
  int_to_double DOUBLE,
  int_to_text VARCHAR(20),
  float DOUBLE,
  decimal DECIMAL(20,6),
  year SMALLINT);
