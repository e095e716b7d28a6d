-- title: Traffic with AWS services
-- meaning: bytes from and to services of AWS, by the service that owns the packet-level address
-- theme: paths
-- fields: pkt_src_aws_service, pkt_dst_aws_service, bytes
-- param: top integer 20: rows at most
SELECT coalesce(pkt_src_aws_service, pkt_dst_aws_service)                              AS service,
       count(*)                                                                        AS flows,
       coalesce(sum(bytes) FILTER (WHERE pkt_src_aws_service IS NOT NULL), 0)          AS bytes_from_service,
       coalesce(sum(bytes) FILTER (WHERE pkt_src_aws_service IS NULL), 0)              AS bytes_to_service
FROM flow_logs
WHERE pkt_src_aws_service IS NOT NULL OR pkt_dst_aws_service IS NOT NULL
GROUP BY coalesce(pkt_src_aws_service, pkt_dst_aws_service)
ORDER BY sum(bytes) DESC, service
LIMIT $top
