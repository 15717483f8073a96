/* A camera made of GStreamer's RTSP server: gst-camera PORT USER PASSWORD; prints "ready" and runs until killed.
   /h264 and /h265 over TCP, /udp over UDP only, /jpeg as motion JPEG, all with a Digest password. */
#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>
#include <stdio.h>

static void mount(GstRTSPServer *server, const char *path, const char *encoder, GstRTSPLowerTrans transport) {
	gchar *launch = g_strdup_printf("( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=10/1 ! %s )", encoder);
	GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
	gst_rtsp_media_factory_set_launch(factory, launch);
	gst_rtsp_media_factory_set_shared(factory, TRUE);
	gst_rtsp_media_factory_set_protocols(factory, transport);
	gst_rtsp_media_factory_add_role(factory, "user", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
		GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, NULL);
	GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
	gst_rtsp_mount_points_add_factory(mounts, path, factory);
	g_object_unref(mounts);
	g_free(launch);
}

int main(int argc, char **argv) {
	const char *h264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96";
	if (argc < 4) return 2;
	gst_init(NULL, NULL);
	GstRTSPServer *server = gst_rtsp_server_new();
	gst_rtsp_server_set_address(server, "127.0.0.1");
	gst_rtsp_server_set_service(server, argv[1]);
	GstRTSPAuth *auth = gst_rtsp_auth_new();
	gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
	gst_rtsp_auth_add_digest(auth, argv[2], argv[3],
		gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "user", NULL));
	gst_rtsp_server_set_auth(server, auth);
	mount(server, "/h264", h264, GST_RTSP_LOWER_TRANS_TCP);
	mount(server, "/udp", h264, GST_RTSP_LOWER_TRANS_UDP);
	mount(server, "/jpeg", "jpegenc ! rtpjpegpay name=pay0 pt=26", GST_RTSP_LOWER_TRANS_TCP);
	mount(server, "/h265", "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph265pay name=pay0 pt=96 config-interval=1", GST_RTSP_LOWER_TRANS_TCP);
	if (gst_rtsp_server_attach(server, NULL) == 0) return 1;
	puts("ready");
	fflush(stdout);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
