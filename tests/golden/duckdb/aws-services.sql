-- has: S3 | 10
-- lacks: NULL
WITH s AS (
    SELECT pkt_src_aws_service AS name, bytes AS of, 0 AS towards FROM vpc WHERE pkt_src_aws_service IS NOT NULL
    UNION ALL
    SELECT pkt_dst_aws_service, 0, bytes FROM vpc WHERE pkt_src_aws_service IS NULL AND pkt_dst_aws_service IS NOT NULL
)
SELECT name, count(*), sum(of), sum(towards) FROM s GROUP BY 1 ORDER BY sum(of) + sum(towards) DESC
