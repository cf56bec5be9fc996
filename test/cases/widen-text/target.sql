CREATE TABLE t (id INT PRIMARY KEY,
  from_varchar TEXT,
  from_char VARCHAR(20),
  from_text LONGTEXT,
  from_enum VARCHAR(10),
  from_json LONGTEXT CHARACTER SET utf8mb4);
