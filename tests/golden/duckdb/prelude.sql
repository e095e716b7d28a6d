-- What the questions below share, written from AWS's and IANA's pages: none of it comes from the program.
CREATE MACRO private(a) AS
    regexp_matches(a, '^(10\.|192\.168\.|172\.(1[6-9]|2[0-9]|3[01])\.|127\.|169\.254\.|100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.)')
    OR regexp_matches(lower(a), '^(f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|::1$)');
CREATE TABLE known(port INT, proto INT, name VARCHAR);
INSERT INTO known VALUES
    (21, 6, 'ftp'), (22, 6, 'ssh'), (23, 6, 'telnet'), (25, 6, 'smtp'), (53, 17, 'domain'), (80, 6, 'http'),
    (110, 6, 'pop3'), (135, 6, 'epmap'), (139, 6, 'netbios-ssn'), (443, 6, 'https'), (443, 17, 'https'),
    (445, 6, 'microsoft-ds'), (1433, 6, 'ms-sql-s'), (3306, 6, 'mysql'), (3389, 6, 'ms-wbt-server'),
    (3389, 17, 'ms-wbt-server'), (5432, 6, 'postgresql'), (5900, 6, 'rfb'), (6379, 6, 'redis'),
    (8080, 6, 'http-alt'), (8443, 6, 'pcsync-https'), (27017, 6, 'mongodb');
CREATE MACRO service(p, q) AS (SELECT max(name) FROM known WHERE port = p AND proto = q);
CREATE MACRO word(q) AS
    CASE q WHEN 1 THEN 'ICMP' WHEN 6 THEN 'TCP' WHEN 17 THEN 'UDP' WHEN 47 THEN 'GRE' WHEN 50 THEN 'ESP'
           WHEN 58 THEN 'IPv6-ICMP' ELSE q::VARCHAR END;
-- The side that was called: the flags say it; then a port that is a server's by number or name; then the lower one.
CREATE MACRO grade(p) AS CASE WHEN p BETWEEN 1 AND 1023 THEN 0 WHEN p IN (1433, 3306, 3389, 5432, 5900, 6379, 8080, 8443, 27017) THEN 1 WHEN p > 0 THEN 2 ELSE 3 END;
CREATE MACRO called(s, d, f) AS
    CASE WHEN (f & 2) > 0 AND (f & 16) > 0 THEN s
         WHEN (f & 2) > 0 THEN d
         WHEN grade(s) < grade(d) THEN s
         WHEN grade(d) < grade(s) THEN d
         ELSE least(s, d) END;
CREATE MACRO moment(t) AS strftime(to_timestamp(t) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ');
