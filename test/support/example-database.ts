// One database of 45 tables like those that people learn SQL with, made from what is publicly said of them (a film rental, the countries of the
// world, a music shop, a trading company): circular and self-referencing foreign keys, views upon views, triggers, routines, an event,
// generated columns, partitions. For MySQL and MariaDB.

/** Like sakila: staff and store refer to each other. */
const RENTAL = `
CREATE TABLE actor (actor_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, first_name VARCHAR(45) NOT NULL, last_name VARCHAR(45) NOT NULL,
  last_update DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY idx_actor_last_name (last_name)) ENGINE=InnoDB AUTO_INCREMENT=201;
CREATE TABLE country (country_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, country VARCHAR(50) NOT NULL);
CREATE TABLE city (city_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, city VARCHAR(50) NOT NULL, country_id SMALLINT UNSIGNED NOT NULL,
  KEY idx_fk_country_id (country_id), CONSTRAINT fk_city_country FOREIGN KEY (country_id) REFERENCES country (country_id) ON UPDATE CASCADE);
CREATE TABLE address (address_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, address VARCHAR(50) NOT NULL, address2 VARCHAR(50), district VARCHAR(20) NOT NULL,
  city_id SMALLINT UNSIGNED NOT NULL, postal_code VARCHAR(10), CONSTRAINT fk_address_city FOREIGN KEY (city_id) REFERENCES city (city_id) ON UPDATE CASCADE);
CREATE TABLE category (category_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(25) NOT NULL);
CREATE TABLE language (language_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, name CHAR(20) NOT NULL);
CREATE TABLE store (store_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, manager_staff_id TINYINT UNSIGNED NOT NULL, address_id SMALLINT UNSIGNED NOT NULL,
  UNIQUE KEY idx_unique_manager (manager_staff_id), CONSTRAINT fk_store_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON UPDATE CASCADE);
CREATE TABLE staff (staff_id TINYINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, first_name VARCHAR(45) NOT NULL, picture BLOB, address_id SMALLINT UNSIGNED NOT NULL,
  store_id TINYINT UNSIGNED NOT NULL, active TINYINT(1) NOT NULL DEFAULT 1,
  CONSTRAINT fk_staff_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON UPDATE CASCADE,
  CONSTRAINT fk_staff_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE);
ALTER TABLE store ADD CONSTRAINT fk_store_staff FOREIGN KEY (manager_staff_id) REFERENCES staff (staff_id) ON UPDATE CASCADE;
CREATE TABLE customer (customer_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, store_id TINYINT UNSIGNED NOT NULL, first_name VARCHAR(45) NOT NULL, last_name VARCHAR(45) NOT NULL,
  address_id SMALLINT UNSIGNED NOT NULL, create_date DATETIME NOT NULL, KEY idx_last_name (last_name),
  CONSTRAINT fk_customer_address FOREIGN KEY (address_id) REFERENCES address (address_id) ON UPDATE CASCADE,
  CONSTRAINT fk_customer_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE);
CREATE TABLE film (film_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, title VARCHAR(128) NOT NULL, description TEXT, release_year YEAR, language_id TINYINT UNSIGNED NOT NULL,
  original_language_id TINYINT UNSIGNED, rental_rate DECIMAL(4,2) NOT NULL DEFAULT 4.99, rating ENUM('G','PG','PG-13','R','NC-17') DEFAULT 'G',
  special_features SET('Trailers','Commentaries','Deleted Scenes'), KEY idx_title (title),
  CONSTRAINT fk_film_language FOREIGN KEY (language_id) REFERENCES language (language_id) ON UPDATE CASCADE,
  CONSTRAINT fk_film_language_original FOREIGN KEY (original_language_id) REFERENCES language (language_id) ON UPDATE CASCADE);
CREATE TABLE film_actor (actor_id SMALLINT UNSIGNED NOT NULL, film_id SMALLINT UNSIGNED NOT NULL, PRIMARY KEY (actor_id, film_id), KEY idx_fk_film_id (film_id),
  CONSTRAINT fk_film_actor_actor FOREIGN KEY (actor_id) REFERENCES actor (actor_id) ON UPDATE CASCADE,
  CONSTRAINT fk_film_actor_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON UPDATE CASCADE);
CREATE TABLE film_category (film_id SMALLINT UNSIGNED NOT NULL, category_id TINYINT UNSIGNED NOT NULL, PRIMARY KEY (film_id, category_id),
  CONSTRAINT fk_film_category_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON UPDATE CASCADE,
  CONSTRAINT fk_film_category_category FOREIGN KEY (category_id) REFERENCES category (category_id) ON UPDATE CASCADE);
CREATE TABLE film_text (film_id SMALLINT UNSIGNED NOT NULL PRIMARY KEY, title VARCHAR(255) NOT NULL, description TEXT, FULLTEXT KEY idx_title_description (title, description));
CREATE TABLE inventory (inventory_id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, film_id SMALLINT UNSIGNED NOT NULL, store_id TINYINT UNSIGNED NOT NULL, KEY idx_store_film (store_id, film_id),
  CONSTRAINT fk_inventory_store FOREIGN KEY (store_id) REFERENCES store (store_id) ON UPDATE CASCADE,
  CONSTRAINT fk_inventory_film FOREIGN KEY (film_id) REFERENCES film (film_id) ON UPDATE CASCADE);
CREATE TABLE rental (rental_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, rental_date DATETIME NOT NULL, inventory_id MEDIUMINT UNSIGNED NOT NULL, customer_id SMALLINT UNSIGNED NOT NULL,
  return_date DATETIME, staff_id TINYINT UNSIGNED NOT NULL, UNIQUE KEY once (rental_date, inventory_id, customer_id),
  CONSTRAINT fk_rental_inventory FOREIGN KEY (inventory_id) REFERENCES inventory (inventory_id) ON UPDATE CASCADE,
  CONSTRAINT fk_rental_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id) ON UPDATE CASCADE,
  CONSTRAINT fk_rental_staff FOREIGN KEY (staff_id) REFERENCES staff (staff_id) ON UPDATE CASCADE);
CREATE TABLE payment (payment_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id SMALLINT UNSIGNED NOT NULL, staff_id TINYINT UNSIGNED NOT NULL, rental_id INT,
  amount DECIMAL(5,2) NOT NULL, payment_date DATETIME NOT NULL,
  CONSTRAINT fk_payment_rental FOREIGN KEY (rental_id) REFERENCES rental (rental_id) ON DELETE SET NULL ON UPDATE CASCADE,
  CONSTRAINT fk_payment_customer FOREIGN KEY (customer_id) REFERENCES customer (customer_id) ON UPDATE CASCADE,
  CONSTRAINT fk_payment_staff FOREIGN KEY (staff_id) REFERENCES staff (staff_id) ON UPDATE CASCADE);
INSERT INTO actor (actor_id, first_name, last_name, last_update) VALUES (1, 'Penelope', 'Güiness', '2006-02-15 04:34:33'), (2, 'Nick', 'Wahlberg', '2006-02-15 04:34:33'), (3, 'Ed', 'Chase', '2006-02-15 04:34:33');
INSERT INTO country VALUES (1, 'Australia'), (2, 'Canada');
INSERT INTO city VALUES (1, 'Woodridge', 1), (2, 'Lethbridge', 2);
INSERT INTO address VALUES (1, '47 Drive', NULL, 'Alberta', 2, ''), (2, '28 Boulevard', NULL, 'QLD', 1, '4114'), (3, '23 Lane', 'x', 'Alberta', 2, NULL);
INSERT INTO category VALUES (1, 'Action'), (2, 'Comedy'); INSERT INTO language VALUES (1, 'English'), (2, 'Italian');
INSERT INTO store VALUES (1, 1, 1), (2, 2, 2); INSERT INTO staff VALUES (1, 'Mike', X'89504E47', 3, 1, 1), (2, 'Jon', NULL, 2, 2, 0);
INSERT INTO customer VALUES (1, 1, 'Mary', 'Smith', 1, '2006-02-14 22:04:36'), (2, 2, 'Patricia', 'Johnson', 2, '2006-02-14 22:04:36');
INSERT INTO film VALUES (1, 'Academy', 'A Drama of a Teacher', 2006, 1, NULL, 0.99, 'PG', 'Trailers,Deleted Scenes'), (2, 'Ace', NULL, 2006, 1, 2, 4.99, 'NC-17', NULL);
INSERT INTO film_actor VALUES (1, 1), (1, 2), (2, 1), (3, 2); INSERT INTO film_category VALUES (1, 1), (2, 2);
INSERT INTO film_text VALUES (1, 'Academy', 'A Drama of a Teacher'), (2, 'Ace', NULL);
INSERT INTO inventory VALUES (1, 1, 1), (2, 1, 2), (3, 2, 2);
INSERT INTO rental VALUES (1, '2005-05-24 22:53:30', 1, 1, '2005-05-26 22:04:30', 1), (2, '2005-05-24 22:54:33', 3, 2, NULL, 2);
INSERT INTO payment VALUES (1, 1, 1, 1, 2.99, '2005-05-25 11:30:37'), (2, 2, 2, NULL, 0.99, '2005-05-28 10:35:23');
`

/** Like world: a country has a capital, which is one of its cities. */
const WORLD = `
CREATE TABLE world_country (code CHAR(3) NOT NULL DEFAULT '' PRIMARY KEY, name CHAR(52) NOT NULL DEFAULT '', continent ENUM('Asia','Europe','Africa') NOT NULL DEFAULT 'Asia',
  surface DECIMAL(10,2) NOT NULL DEFAULT 0.00, indep_year SMALLINT, population INT NOT NULL DEFAULT 0, capital INT);
CREATE TABLE world_city (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name CHAR(35) NOT NULL DEFAULT '', country_code CHAR(3) NOT NULL DEFAULT '', population INT NOT NULL DEFAULT 0,
  CONSTRAINT world_city_ibfk_1 FOREIGN KEY (country_code) REFERENCES world_country (code));
ALTER TABLE world_country ADD CONSTRAINT world_capital FOREIGN KEY (capital) REFERENCES world_city (id) ON DELETE SET NULL;
CREATE TABLE world_language (country_code CHAR(3) NOT NULL DEFAULT '', language CHAR(30) NOT NULL DEFAULT '', is_official ENUM('T','F') NOT NULL DEFAULT 'F', percentage DECIMAL(4,1) NOT NULL DEFAULT 0.0,
  PRIMARY KEY (country_code, language), CONSTRAINT world_language_ibfk_1 FOREIGN KEY (country_code) REFERENCES world_country (code) ON DELETE CASCADE);
INSERT INTO world_country VALUES ('NLD', 'Netherlands', 'Europe', 41526.00, 1581, 15864000, 5), ('AFG', 'Afghanistan', 'Asia', 652090.00, 1919, 22720000, NULL);
INSERT INTO world_city VALUES (1, 'Kabul', 'AFG', 1780000), (5, 'Amsterdam', 'NLD', 731200); INSERT INTO world_language VALUES ('NLD', 'Dutch', 'T', 95.6), ('AFG', 'Pashto', 'T', 52.4);
`

/** Like chinook: an employee reports to another one. */
const MUSIC = `
CREATE TABLE Artist (ArtistId INT NOT NULL PRIMARY KEY, Name VARCHAR(120));
CREATE TABLE Album (AlbumId INT NOT NULL PRIMARY KEY, Title VARCHAR(160) NOT NULL, ArtistId INT NOT NULL, KEY IFK_AlbumArtistId (ArtistId), CONSTRAINT FK_AlbumArtistId FOREIGN KEY (ArtistId) REFERENCES Artist (ArtistId));
CREATE TABLE Employee (EmployeeId INT NOT NULL PRIMARY KEY, LastName VARCHAR(20) NOT NULL, ReportsTo INT, HireDate DATETIME, CONSTRAINT FK_EmployeeReportsTo FOREIGN KEY (ReportsTo) REFERENCES Employee (EmployeeId) ON DELETE SET NULL);
CREATE TABLE MusicCustomer (CustomerId INT NOT NULL PRIMARY KEY, LastName VARCHAR(20) NOT NULL, SupportRepId INT, CONSTRAINT FK_CustomerSupportRepId FOREIGN KEY (SupportRepId) REFERENCES Employee (EmployeeId));
CREATE TABLE Genre (GenreId INT NOT NULL PRIMARY KEY, Name VARCHAR(120));
CREATE TABLE MediaType (MediaTypeId INT NOT NULL PRIMARY KEY, Name VARCHAR(120));
CREATE TABLE Track (TrackId INT NOT NULL PRIMARY KEY, Name VARCHAR(200) NOT NULL, AlbumId INT, MediaTypeId INT NOT NULL, GenreId INT, Milliseconds INT NOT NULL, UnitPrice DECIMAL(10,2) NOT NULL,
  Seconds INT GENERATED ALWAYS AS (Milliseconds DIV 1000) VIRTUAL,
  CONSTRAINT FK_TrackAlbumId FOREIGN KEY (AlbumId) REFERENCES Album (AlbumId), CONSTRAINT FK_TrackGenreId FOREIGN KEY (GenreId) REFERENCES Genre (GenreId),
  CONSTRAINT FK_TrackMediaTypeId FOREIGN KEY (MediaTypeId) REFERENCES MediaType (MediaTypeId));
CREATE TABLE Invoice (InvoiceId INT NOT NULL PRIMARY KEY, CustomerId INT NOT NULL, InvoiceDate DATETIME NOT NULL, Total DECIMAL(10,2) NOT NULL, CONSTRAINT FK_InvoiceCustomerId FOREIGN KEY (CustomerId) REFERENCES MusicCustomer (CustomerId));
CREATE TABLE InvoiceLine (InvoiceLineId INT NOT NULL PRIMARY KEY, InvoiceId INT NOT NULL, TrackId INT NOT NULL, UnitPrice DECIMAL(10,2) NOT NULL, Quantity INT NOT NULL,
  CONSTRAINT FK_InvoiceLineInvoiceId FOREIGN KEY (InvoiceId) REFERENCES Invoice (InvoiceId), CONSTRAINT FK_InvoiceLineTrackId FOREIGN KEY (TrackId) REFERENCES Track (TrackId));
CREATE TABLE Playlist (PlaylistId INT NOT NULL PRIMARY KEY, Name VARCHAR(120));
CREATE TABLE PlaylistTrack (PlaylistId INT NOT NULL, TrackId INT NOT NULL, PRIMARY KEY (PlaylistId, TrackId),
  CONSTRAINT FK_PlaylistTrackPlaylistId FOREIGN KEY (PlaylistId) REFERENCES Playlist (PlaylistId), CONSTRAINT FK_PlaylistTrackTrackId FOREIGN KEY (TrackId) REFERENCES Track (TrackId));
INSERT INTO Artist VALUES (1, 'AC/DC'), (2, 'Antônio'); INSERT INTO Album VALUES (1, 'For Those About To Rock', 1), (2, 'Águas', 2);
INSERT INTO Employee VALUES (1, 'Adams', NULL, '2002-08-14 00:00:00'), (2, 'Edwards', 1, NULL), (3, 'Peacock', 2, NULL); INSERT INTO MusicCustomer VALUES (1, 'Gonçalves', 3), (2, 'Köhler', NULL);
INSERT INTO Genre VALUES (1, 'Rock'); INSERT INTO MediaType VALUES (1, 'MPEG audio file');
INSERT INTO Track (TrackId, Name, AlbumId, MediaTypeId, GenreId, Milliseconds, UnitPrice) VALUES (1, 'For Those', 1, 1, 1, 343719, 0.99), (2, 'Waters', 2, 1, NULL, 99000, 0.99);
INSERT INTO Invoice VALUES (1, 2, '2021-01-01 00:00:00', 1.98); INSERT INTO InvoiceLine VALUES (1, 1, 1, 0.99, 1), (2, 1, 2, 0.99, 1);
INSERT INTO Playlist VALUES (1, 'Music'), (2, NULL); INSERT INTO PlaylistTrack VALUES (1, 1), (1, 2), (2, 1);
`

/** Like northwind, with a key of two columns that another table refers to, and orders by year in partitions. */
const TRADE = `
CREATE TABLE categories (category_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, category_name VARCHAR(15) NOT NULL, description MEDIUMTEXT, UNIQUE KEY category_name (category_name));
CREATE TABLE suppliers (supplier_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, company_name VARCHAR(40) NOT NULL, home_page MEDIUMTEXT);
CREATE TABLE shippers (shipper_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, company_name VARCHAR(40) NOT NULL);
CREATE TABLE trade_customers (customer_id CHAR(5) NOT NULL PRIMARY KEY, company_name VARCHAR(40) NOT NULL);
CREATE TABLE customer_demographics (customer_type_id VARCHAR(10) NOT NULL PRIMARY KEY, customer_desc MEDIUMTEXT);
CREATE TABLE customer_customer_demo (customer_id CHAR(5) NOT NULL, customer_type_id VARCHAR(10) NOT NULL, PRIMARY KEY (customer_id, customer_type_id),
  CONSTRAINT fk_demo_customer FOREIGN KEY (customer_id) REFERENCES trade_customers (customer_id) ON DELETE CASCADE,
  CONSTRAINT fk_demo_type FOREIGN KEY (customer_type_id) REFERENCES customer_demographics (customer_type_id));
CREATE TABLE region (region_id INT NOT NULL PRIMARY KEY, region_description VARCHAR(50) NOT NULL);
CREATE TABLE territories (territory_id VARCHAR(20) NOT NULL PRIMARY KEY, territory_description VARCHAR(50) NOT NULL, region_id INT NOT NULL, CONSTRAINT fk_territories_region FOREIGN KEY (region_id) REFERENCES region (region_id));
CREATE TABLE trade_employees (employee_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, last_name VARCHAR(20) NOT NULL, first_name VARCHAR(10) NOT NULL, hire_date DATE, reports_to INT,
  full_name VARCHAR(40) GENERATED ALWAYS AS (concat(first_name, ' ', last_name)) STORED, CONSTRAINT fk_employees_employees FOREIGN KEY (reports_to) REFERENCES trade_employees (employee_id));
CREATE TABLE employee_territories (employee_id INT NOT NULL, territory_id VARCHAR(20) NOT NULL, PRIMARY KEY (employee_id, territory_id),
  CONSTRAINT fk_et_employee FOREIGN KEY (employee_id) REFERENCES trade_employees (employee_id), CONSTRAINT fk_et_territory FOREIGN KEY (territory_id) REFERENCES territories (territory_id));
CREATE TABLE products (product_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, product_name VARCHAR(40) NOT NULL, supplier_id INT, category_id INT, unit_price DECIMAL(10,4) DEFAULT 0.0000, discontinued TINYINT(1) NOT NULL DEFAULT 0,
  KEY product_name (product_name), CONSTRAINT fk_products_categories FOREIGN KEY (category_id) REFERENCES categories (category_id) ON DELETE RESTRICT,
  CONSTRAINT fk_products_suppliers FOREIGN KEY (supplier_id) REFERENCES suppliers (supplier_id) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE trade_orders (order_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id CHAR(5), employee_id INT, order_date DATETIME, ship_via INT, freight DECIMAL(10,4) DEFAULT 0.0000,
  CONSTRAINT fk_orders_customers FOREIGN KEY (customer_id) REFERENCES trade_customers (customer_id), CONSTRAINT fk_orders_employees FOREIGN KEY (employee_id) REFERENCES trade_employees (employee_id),
  CONSTRAINT fk_orders_shippers FOREIGN KEY (ship_via) REFERENCES shippers (shipper_id)) AUTO_INCREMENT=20000;
CREATE TABLE order_details (order_id INT NOT NULL, product_id INT NOT NULL, unit_price DECIMAL(10,4) NOT NULL DEFAULT 0.0000, quantity SMALLINT NOT NULL DEFAULT 1,
  line_total DECIMAL(14,4) GENERATED ALWAYS AS (unit_price * quantity) STORED, PRIMARY KEY (order_id, product_id), CONSTRAINT ck_quantity CHECK (quantity > 0),
  CONSTRAINT fk_details_orders FOREIGN KEY (order_id) REFERENCES trade_orders (order_id) ON DELETE CASCADE, CONSTRAINT fk_details_products FOREIGN KEY (product_id) REFERENCES products (product_id));
CREATE TABLE returns (return_id INT NOT NULL PRIMARY KEY, order_id INT, product_id INT, why VARCHAR(40), CONSTRAINT fk_returns_details FOREIGN KEY (order_id, product_id) REFERENCES order_details (order_id, product_id) ON DELETE CASCADE);
CREATE TABLE order_archive (order_id INT NOT NULL, ordered DATE NOT NULL, note VARCHAR(40), PRIMARY KEY (order_id, ordered))
  PARTITION BY RANGE (YEAR(ordered)) (PARTITION p2024 VALUES LESS THAN (2025), PARTITION p2025 VALUES LESS THAN (2026), PARTITION pmax VALUES LESS THAN MAXVALUE);
CREATE TABLE changes (change_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, what VARCHAR(80) NOT NULL);
INSERT INTO categories VALUES (1, 'Beverages', 'Soft drinks'), (2, 'Condiments', NULL); INSERT INTO suppliers VALUES (1, 'Exotic', NULL), (7, 'Pavlova', 'pavlova.example'); INSERT INTO shippers VALUES (1, 'Speedy');
INSERT INTO trade_customers VALUES ('ALFKI', 'Alfreds'), ('ANATR', 'Ana'); INSERT INTO customer_demographics VALUES ('big', 'Buys much'); INSERT INTO customer_customer_demo VALUES ('ALFKI', 'big');
INSERT INTO region VALUES (1, 'Eastern'); INSERT INTO territories VALUES ('01581', 'Westboro', 1), ('01730', 'Bedford', 1);
INSERT INTO trade_employees (employee_id, last_name, first_name, hire_date, reports_to) VALUES (1, 'Davolio', 'Nancy', '1992-05-01', 2), (2, 'Fuller', 'Andrew', '1992-08-14', NULL), (3, 'Leverling', 'Janet', NULL, 3);
INSERT INTO employee_territories VALUES (1, '01581'), (1, '01730'); INSERT INTO products VALUES (1, 'Chai', 1, 1, 18.0000, 0), (2, 'Chang', 7, 2, 19.5000, 1), (3, 'Aniseed', NULL, NULL, NULL, 0);
INSERT INTO trade_orders VALUES (10248, 'ALFKI', 1, '1996-07-04 00:00:00', 1, 32.3800), (10249, NULL, NULL, NULL, NULL, NULL);
INSERT INTO order_details (order_id, product_id, unit_price, quantity) VALUES (10248, 1, 14.0000, 12), (10248, 2, 9.8000, 10), (10249, 1, 18.6000, 9);
INSERT INTO returns VALUES (1, 10248, 2, 'broken'), (2, NULL, NULL, 'no bill'); INSERT INTO order_archive VALUES (1, '2024-05-05', 'a'), (2, '2025-05-05', NULL), (3, '2030-01-01', 'c');
`

/** A view over a view that comes later by name, a function that a view calls, triggers that write to another table. */
const OBJECTS = `
CREATE FUNCTION full_price (price DECIMAL(10,4), pieces INT) RETURNS DECIMAL(14,4) DETERMINISTIC NO SQL BEGIN RETURN price * pieces; END;
CREATE PROCEDURE film_in_stock (IN film INT, OUT pieces INT) READS SQL DATA BEGIN SELECT COUNT(*) INTO pieces FROM inventory WHERE film_id = film; END;
CREATE VIEW z_totals AS SELECT order_id, SUM(full_price(unit_price, quantity)) AS total FROM order_details GROUP BY order_id;
CREATE VIEW a_best AS SELECT t.order_id, t.total, o.customer_id FROM z_totals t JOIN trade_orders o ON o.order_id = t.order_id WHERE t.total > 100;
CREATE SQL SECURITY INVOKER VIEW film_list AS SELECT f.title, c.name AS category, f.rental_rate AS price FROM film f JOIN film_category fc ON fc.film_id = f.film_id JOIN category c ON c.category_id = fc.category_id;
CREATE TRIGGER ins_film AFTER INSERT ON film FOR EACH ROW BEGIN INSERT INTO film_text (film_id, title, description) VALUES (new.film_id, new.title, new.description); END;
CREATE TRIGGER del_film AFTER DELETE ON film FOR EACH ROW BEGIN DELETE FROM film_text WHERE film_id = old.film_id; END;
CREATE TRIGGER product_first BEFORE UPDATE ON products FOR EACH ROW BEGIN SET new.product_name = TRIM(new.product_name); END;
CREATE TRIGGER product_second BEFORE UPDATE ON products FOR EACH ROW BEGIN INSERT INTO changes (what) VALUES (CONCAT('größer; ', new.product_name)); END;
CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DISABLE COMMENT 'never runs here' DO BEGIN DELETE FROM changes WHERE change_id < 0; END;
`

export const EXAMPLE_TABLES = `SET foreign_key_checks = 0;${RENTAL}${WORLD}${MUSIC}${TRADE}SET foreign_key_checks = 1;`
export const EXAMPLE_DATABASE = `${EXAMPLE_TABLES}${OBJECTS}`
