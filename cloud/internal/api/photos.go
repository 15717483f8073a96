package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/siteplan"
	"github.com/linshao/linshao/cloud/internal/photo"
)

// uploadTime is how long the upload of a photo or a file may take: a phone in a cellar is slow.
const uploadTime = 2 * time.Minute

// isUpload says whether a path takes photos or files.
func isUpload(path string) bool {
	return strings.HasSuffix(path, "/photos") || isPicture(path) || isImport(path)
}

func isPicture(path string) bool { return strings.HasSuffix(path, "/plan/picture") }

// bodyLimit bounds the body of requests of a path, in bytes.
func bodyLimit(path string) int64 {
	switch {
	case isImport(path):
		return maxImport
	case isPicture(path):
		return siteplan.MaxPictureBytes + 4<<10
	case strings.HasSuffix(path, "/plan"):
		return maxPlan
	case isConfig(path):
		return maxConfig
	case isUpload(path):
		return photo.MaxBytes + 4<<10 // a form has some words around the photo
	}
	return maxBody
}

type draftPhotoIn struct {
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"application/octet-stream"`
}

type addPhotoIn struct {
	ID string `path:"id" maxLength:"40"`
	draftPhotoIn
}

type photoOut struct{ Body incident.Photo }

func (a *API) draftPhoto(ctx context.Context, in *draftPhotoIn) (*photoOut, error) {
	return a.upload(ctx, "", in.ContentType, in.RawBody)
}

func (a *API) addPhoto(ctx context.Context, in *addPhotoIn) (*photoOut, error) {
	out, err := a.upload(ctx, in.ID, in.ContentType, in.RawBody)
	if err == nil {
		a.cfg.Feed.Incident(in.ID)
	}
	return out, err
}

func (a *API) upload(ctx context.Context, id, contentType string, body []byte) (*photoOut, error) {
	file, err := fileOf(contentType, body)
	if err != nil {
		return nil, err
	}
	if len(file) > photo.MaxBytes {
		return nil, newProblem(http.StatusRequestEntityTooLarge, "too_large", "照片不能超过 8 MiB", "a photo has 8 MiB at most")
	}
	p, err := photo.Clean(file)
	switch {
	case errors.Is(err, photo.ErrSize):
		return nil, newProblem(http.StatusUnprocessableEntity, "bad_photo", "照片尺寸过大或为零，请换一张", "the photo has too many pixels, or none")
	case err != nil:
		bad := newProblem(http.StatusUnprocessableEntity, "bad_photo", "这不是照片，或照片不完整：只收 JPEG、PNG、WebP", "this is no photo, or only a part of one: JPEG, PNG and WebP are taken")
		bad.details = []string{err.Error()}
		return nil, bad
	}
	kept, err := a.cfg.Incidents.AddPhoto(ctx, id, incident.Person{Name: callerOf(ctx).user.Name}, p)
	return &photoOut{kept}, err
}

// fileOf answers the first file of a form, or the whole body when it is no form.
func fileOf(contentType string, body []byte) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return body, nil
	}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil, newProblem(http.StatusUnprocessableEntity, "bad_photo", "表单里没有照片文件", "the form has no file")
		}
		if part.FileName() == "" {
			continue
		}
		file, err := io.ReadAll(part)
		if err != nil {
			return nil, newProblem(http.StatusUnprocessableEntity, "bad_photo", "照片没有传完整，请重传", "the photo is cut off: upload it again")
		}
		return file, nil
	}
}

type photoIn struct {
	ID    string `path:"id" maxLength:"40"`
	Photo string `path:"photo" maxLength:"40"`
}

type photoBytesOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Cache       string `header:"Cache-Control"`
	Body        []byte `contentType:"image/jpeg"`
}

// photo answers the picture. It never changes, so the reader's own browser may keep it.
func (a *API) photo(ctx context.Context, in *photoIn) (*photoBytesOut, error) {
	kind, content, err := incident.PhotoBytes(ctx, a.cfg.DB.Reader(), in.ID, in.Photo)
	if err != nil {
		return nil, err
	}
	return &photoBytesOut{kind, "inline", "private, max-age=86400", content}, nil
}
